package dev.loupe.service;

/**
 * A live curve of a job.
 *
 * @param name what it shows ("loss", "l0")
 * @param steps where, ascending
 * @param values the value at each step
 */
public record Curve(String name, long[] steps, double[] values) {}
