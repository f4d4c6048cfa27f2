"""The rows of the lists for people (:class:`pacs_module.ports.StudyLists`), one module a store."""
