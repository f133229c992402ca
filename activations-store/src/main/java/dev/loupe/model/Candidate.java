package dev.loupe.model;

/**
 * A token that could stand at a place.
 *
 * @param id its id
 * @param logProb natural logarithm of its probability, before penalties, temperature and cuts
 */
public record Candidate(int id, float logProb) {}
