package dev.loupe.service;

/**
 * A feature at a token.
 *
 * @param id its number
 * @param label its label; empty without an index
 * @param value its activation
 */
public record ActiveFeature(int id, String label, float value) {}
