"""The project as a Python library and as one command: no Kedro, no folders but those that are asked for.

`guided_imagination` itself exports what is here; nothing is imported before it is used.
"""
