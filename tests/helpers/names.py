"""Names that look like markup of one kind or another, each of which has to be read as it is."""

ODD = [
    *("US$ and CA$", "Ba$$in", "a_b^c", "_a_", "__init__", r"\alpha", r"$\frac{1}$", r"C:\*", "100%", "<b>", "{x}"),
    *("a|b", "`a`|", "*a*", "**", "[a](b)", "![a](b)", "~~a~~", "&lt;", "&", "a & b", "C#", "#", "# 1", "- x", "1. x"),
    *(
        "a: b",
        "no",
        '"q"',
        "'",
        "#1",
        "<!-- x",
        "</script><b>",
        "--",
        "%s",
        "${x}",
        "{{ x }}",
        "\N{MULTIPLICATION SIGN}",
    ),
]
