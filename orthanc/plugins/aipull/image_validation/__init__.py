"""
Validation of what arrives: the file is read, judged by the policy, and kept in quarantine when it fails.
"""
