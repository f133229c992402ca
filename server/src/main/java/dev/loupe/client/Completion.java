package dev.loupe.client;

/**
 * A written text.
 *
 * @param text the text, without the prompt
 * @param finishReason stop or length
 * @param promptTokens tokens read
 * @param completionTokens tokens written
 */
public record Completion(String text, String finishReason, int promptTokens, int completionTokens) {}
