"""Who may do what: roles, the rights that each has, keys, and how failed keys are slowed down."""
