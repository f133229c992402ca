package dev.loupe.service;

/**
 * How well the latents of an SAE are found again in SAEs that differ from it in their seed only, each compared with it
 * directly.
 *
 * @param others how many of those there are
 * @param found per latent: in how many of them it is shared
 * @param score per latent: mean over them of the smaller of decoder and encoder cosine with its counterpart, 0 where the
 *     two assignments name different ones
 */
public record SeedStability(int others, int[] found, float[] score) {}
