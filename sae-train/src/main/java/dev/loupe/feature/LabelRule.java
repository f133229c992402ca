package dev.loupe.feature;

/** How the label of a latent was made: which tokens the rule behind it says it fires on. */
public enum LabelRule {
    /** One token carries most of the activation. */
    TOKEN("token"),
    /** One word carries most of it, in several tokens that differ in case or outer blanks. */
    WORD("word, any case"),
    /** The token before is nearly always the same. */
    AFTER("token before"),
    /** Digits, punctuation, capitals, blanks: a class of characters. */
    CHARACTERS("character class"),
    /** Tokens with one ending. */
    ENDING("ending"),
    /** Documents of one label (a language). */
    DOCUMENTS("document label"),
    /** The token that comes next is nearly always the same. */
    NEXT("next token"),
    /** A few n-grams. */
    NGRAMS("n-grams"),
    /** A tree of token patterns that predicts the activation. */
    PATTERNS("token patterns"),
    /** Nothing of the above: the tokens that carry most are listed, no claim is made. */
    TOKENS("top tokens"),
    /** The latent is never active. */
    DEAD("never active");

    private final String meaning;

    LabelRule(String meaning) {
        this.meaning = meaning;
    }

    /** A few words for people. */
    public String meaning() {
        return meaning;
    }
}
