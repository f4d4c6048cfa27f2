"""Programs of ours with one thing changed, as the chaos runs start them."""
