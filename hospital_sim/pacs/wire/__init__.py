"""Bytes on the wire: data sets, pixels and text in its character sets."""
