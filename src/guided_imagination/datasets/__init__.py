"""Kedro datasets: what pipelines hand to each other, and how it lies on the disk.

A module each, since a command should import those of its own data alone.
"""
