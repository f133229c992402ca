package dev.loupe.train;

/** Factors between 0 and 1 over a run of so many steps; steps count from 0. */
record Schedule(long steps, double warmup, double decay) {

    /** Linear from 0 over the warm-up share, 1, then linear to 0 over the decay share. */
    double at(long step) {
        double rise = warmup > 0 ? (step + 1) / (warmup * steps) : 1;
        double fall = decay > 0 ? (steps - step) / (decay * steps) : 1;
        return Math.max(0, Math.min(1, Math.min(rise, fall)));
    }
}
