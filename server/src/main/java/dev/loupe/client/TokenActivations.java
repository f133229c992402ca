package dev.loupe.client;

import java.util.Map;

/**
 * What a model computed at one token.
 *
 * @param text which of the texts that were sent, from 0
 * @param position of the token, from 0
 * @param tokenId its id
 * @param token its text
 * @param hooks the activation at each hook point asked for, by the hook point's name; heads one after the other
 */
public record TokenActivations(int text, int position, int tokenId, String token, Map<String, float[]> hooks) {}
