package dev.loupe.base;

/** The progress that nobody watches. */
enum SilentProgress implements Progress {
    INSTANCE;

    @Override
    public void stage(String name, long total, String unit) {}

    @Override
    public void advance(long done) {}
}
