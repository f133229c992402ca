package dev.loupe.model;

/**
 * What differs between the blocks of one model.
 *
 * @param window how many keys a query sees, its own included; 0 for all before it
 * @param scoreScale what attention scores are multiplied with
 * @param ropeTheta base of the rotary frequencies
 * @param rope how rotary frequencies are changed
 */
record LayerSpec(int window, float scoreScale, double ropeTheta, RopeScaling rope) {}
