package dev.loupe.service;

/**
 * Where one latent is found again in another SAE.
 *
 * @param sae the other SAE
 * @param id the latent there that the assignment of decoder rows pairs with it; without a comparison the one whose decoder
 *     row has the largest cosine; or −1
 * @param label that latent's label, empty where the other SAE has no feature index
 * @param decoderCosine cosine of the two decoder rows
 * @param encoderCosine cosine of the encoder rows that the assignment of encoder rows pairs; without a comparison of the
 *     two latents' encoder rows
 * @param shared whether the pair counts as shared at the comparison's threshold; false without a comparison
 * @param compared whether the two SAEs were compared; otherwise the pair is merely the nearest by cosine
 */
public record Counterpart(
        String sae,
        int id,
        String label,
        double decoderCosine,
        double encoderCosine,
        boolean shared,
        boolean compared) {}
