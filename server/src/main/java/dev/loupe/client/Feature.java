package dev.loupe.client;

/**
 * A feature of an SAE.
 *
 * @param sae the SAE
 * @param id its number
 * @param label a name made by rules
 * @param density share of tokens on which it is active
 * @param max its strongest activation
 * @param topLabel the document label (a language in the demo) it fires on most
 * @param topLabelShare that label's share of its firings
 */
public record Feature(
        String sae, int id, String label, double density, double max, String topLabel, double topLabelShare) {}
