package dev.loupe.diagnose;

/** The headings that diagnostics are listed under. */
public enum Topic {
    /** How few neurons and latents do the work. */
    SPARSITY("Sparsity"),
    /** Units that do nothing, and values that do too much. */
    HEALTH("Health"),
    /** The shape of what representations do. */
    GEOMETRY("Geometry"),
    /** How far results may be believed. */
    TRUST("Trust"),
    /** What MLPs keep. */
    MEMORY("MLP as memory");

    private final String title;

    Topic(String title) {
        this.title = title;
    }

    /** The heading. */
    public String title() {
        return title;
    }
}
