"""What pacs_module and the plugins both use beside the domain."""
