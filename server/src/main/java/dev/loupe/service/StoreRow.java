package dev.loupe.service;

/**
 * A row of a store, as people read it.
 *
 * @param row its number
 * @param tokenId the token
 * @param token its text
 * @param sequence the sequence the model was run on
 * @param position the place in its sequence
 * @param document name of the document
 * @param label label of the document
 * @param heldOut whether no training may use it
 * @param values the first values of the hook point
 */
public record StoreRow(
        long row,
        int tokenId,
        String token,
        int sequence,
        int position,
        String document,
        String label,
        boolean heldOut,
        float[] values) {}
