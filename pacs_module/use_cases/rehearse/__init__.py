"""Rehearse: record what was judged, try other rules on it, apply them, pull what they would take."""
