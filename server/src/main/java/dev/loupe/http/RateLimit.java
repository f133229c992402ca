package dev.loupe.http;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A bucket of requests for each client, which fills evenly: a minute's worth may come at once, no more in the long run.
 * Clients that have been quiet for long are forgotten first.
 */
final class RateLimit {
    private static final int MOST_CLIENTS = 10_000;

    private final int perMinute;
    private final Map<String, Bucket> buckets = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
            return size() > MOST_CLIENTS;
        }
    };

    private static final class Bucket {
        private double left;
        private long since;

        Bucket(double left, long since) {
            this.left = left;
            this.since = since;
        }
    }

    /** A limit; 0 for none. */
    RateLimit(int perMinute) {
        this.perMinute = perMinute;
    }

    int perMinute() {
        return perMinute;
    }

    /**
     * Takes a request.
     *
     * @param now the time in nanoseconds
     * @return 0 if it may pass, else seconds after which one may
     */
    synchronized long wait(String client, long now) {
        if (perMinute == 0) {
            return 0;
        }
        Bucket b = buckets.computeIfAbsent(client, c -> new Bucket(perMinute, now));
        b.left = Math.min(perMinute, b.left + (now - b.since) / 60e9 * perMinute);
        b.since = now;
        if (b.left >= 1) {
            b.left--;
            return 0;
        }
        return seconds(b);
    }

    /** Gives a request back that was taken and did not count. */
    synchronized void giveBack(String client) {
        Bucket b = buckets.get(client);
        if (b != null) {
            b.left = Math.min(perMinute, b.left + 1);
        }
    }

    private long seconds(Bucket b) {
        return (long) Math.ceil((1 - b.left) * 60 / perMinute - 1e-6);
    }
}
