"""The pages for people, one module each: a use case makes the view model, a template or JSON shows it."""
