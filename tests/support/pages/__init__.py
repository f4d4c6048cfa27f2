"""What tests of the pages need: a department in a store, a browser, the routes, words left in English."""
