package dev.loupe.ui;

import java.util.List;

/**
 * What changing nodes did to the model's answer.
 *
 * @param facts figures: number, name, definition
 * @param tokens most probable next tokens: text, probability before, probability after; may be empty
 */
record CircuitChange(List<String[]> facts, List<Token> tokens) {
    /** A token and its probabilities. */
    record Token(String text, double before, double after) {}
}
