package dev.loupe.client;

import java.util.List;

/**
 * A prompt continued twice.
 *
 * @param plain the text without edits
 * @param steered the text under them
 * @param kl mean KL(default ‖ steered) on the plain text, nats a token
 * @param edits what each edit came to, in words and absolute units
 */
public record Steered(String plain, String steered, double kl, List<String> edits) {}
