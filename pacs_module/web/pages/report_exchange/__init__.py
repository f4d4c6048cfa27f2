"""The pages of reports and quality data."""
