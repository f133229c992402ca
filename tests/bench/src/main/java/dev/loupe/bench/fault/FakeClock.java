package dev.loupe.bench.fault;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A clock of a child that can be set while it works, by libfaketime where that is installed. */
final class FakeClock {
    private static final List<Path> PLACES = List.of(
            Path.of("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
            Path.of("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
            Path.of("/usr/lib/faketime/libfaketimeMT.so.1"));

    private final Path library;
    private final Path time;

    private FakeClock(Path library, Path time) {
        this.library = library;
        this.time = time;
    }

    /** A clock that goes right so far; null where there is none to be had. */
    static @Nullable FakeClock of(Path folder) throws IOException {
        Path library = PLACES.stream().filter(Files::exists).findFirst().orElse(null);
        if (library == null) {
            return null;
        }
        FakeClock clock = new FakeClock(library, folder.resolve("time"));
        clock.jump("+0");
        return clock;
    }

    /** What the child must have in its environment. */
    Map<String, String> environment() {
        return Map.of(
                "LD_PRELOAD",
                library.toString(),
                "FAKETIME_TIMESTAMP_FILE",
                time.toString(),
                "FAKETIME_NO_CACHE",
                "1",
                "FAKETIME_DONT_FAKE_MONOTONIC",
                "1");
    }

    /** Sets it: {@code +800d}, {@code -15000d}. */
    void jump(String by) throws IOException {
        Files.writeString(time, by + "\n");
    }
}
