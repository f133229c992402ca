package dev.loupe.service;

import java.time.Instant;

/**
 * What somebody wrote about a feature.
 *
 * @param sae its SAE
 * @param id the feature
 * @param text the note; empty where there is none
 * @param version counts its changes from 1; 0 where there is none
 * @param changed when it was last changed
 */
public record Note(String sae, int id, String text, long version, Instant changed) {}
