package dev.loupe.service;

import org.jspecify.annotations.Nullable;

/**
 * A built-in list of features, with how long the same list is for a model that never learned anything.
 *
 * @param key what addresses and requests call the list
 * @param title a few words for people
 * @param meaning its rule in words
 * @param count features of the SAE in it
 * @param share of the SAE's living features
 * @param control features of the random-model control in it; null without a control
 * @param controlShare of the control's living features; null without a control
 */
public record GroupCount(
        String key,
        String title,
        String meaning,
        int count,
        double share,
        @Nullable Integer control,
        @Nullable Double controlShare) {}
