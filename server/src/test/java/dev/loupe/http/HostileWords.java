package dev.loupe.http;

/** Words that nobody expects where a name, a number or a text belongs. */
final class HostileWords {
    static final String[] ALL = {
        "",
        " ",
        "..",
        "../..",
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\",
        "a/b",
        "%00",
        "\u0000",
        "NUL",
        ".hidden",
        "~",
        "*",
        "'",
        "\"",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "a\nb",
        "\r\nX: y",
        "é",
        "漢",
        "😀",
        "\uD800",
        "\u202E",
        "null",
        "undefined",
        "NaN",
        "-1",
        "0",
        "1",
        "2147483648",
        "99999999999999999999",
        "1e400",
        "true",
        "[]",
        "{}",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "blocks.999.hook_resid_post",
        "blocks.-1.hook_resid_post",
        "http://127.0.0.1/",
        "file:///etc/passwd"
    };

    private HostileWords() {}
}
