package dev.loupe.service;

import java.util.List;

/**
 * SAEs to index.
 *
 * @param saes their names
 */
public record IndexSpec(List<String> saes) {}
