"""Pages of the gateway: quarantine and rates, parameters of the platform."""
