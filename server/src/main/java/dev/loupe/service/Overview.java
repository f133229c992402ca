package dev.loupe.service;

import java.util.List;

/**
 * Everything of a workspace at one look.
 *
 * @param models language models
 * @param stores activation stores
 * @param saes SAEs with their reports
 * @param comparisons pairs that were compared
 * @param sweeps names of finished sweeps
 * @param jobs jobs, newest first
 */
public record Overview(
        List<ModelView> models,
        List<StoreView> stores,
        List<SaeRow> saes,
        List<Comparisons.Pair> comparisons,
        List<String> sweeps,
        List<Job> jobs) {}
