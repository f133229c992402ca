package dev.loupe.service;

/**
 * What a comparison says about one latent.
 *
 * @param sae the other SAE
 * @param id the latent there that the assignment of decoder rows pairs with it, or −1
 * @param label that latent's label, empty where the other SAE has no feature index
 * @param decoderCosine cosine of the two decoder rows
 * @param encoderCosine cosine of the encoder rows that the assignment of encoder rows pairs
 * @param shared whether the pair counts as shared at the comparison's threshold
 */
public record Counterpart(
        String sae, int id, String label, double decoderCosine, double encoderCosine, boolean shared) {}
