package dev.loupe.client;

/**
 * The latents of an SAE that are active at one token.
 *
 * @param text which of the texts that were sent, from 0
 * @param position of the token, from 0
 * @param tokenId its id
 * @param token its text
 * @param latents the active ones
 * @param values how strongly each is active, in the order of {@code latents}
 */
public record TokenLatents(int text, int position, int tokenId, String token, int[] latents, float[] values) {}
