package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RateLimitTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void aMinutesWorthMayComeAtOnceAndThenEvenly() {
        RateLimit limit = new RateLimit(6);
        for (int i = 0; i < 6; i++) {
            assertThat(limit.wait("a", 5)).isZero();
        }
        assertThat(limit.wait("a", 5)).isEqualTo(10);
        assertThat(limit.wait("b", 5)).isZero(); // another client has its own
        assertThat(limit.wait("a", 5 + 9 * SECOND)).isEqualTo(1);
        assertThat(limit.wait("a", 5 + 11 * SECOND)).isZero();
        assertThat(limit.wait("a", 5 + 11 * SECOND)).isPositive();
        assertThat(limit.wait("a", 5 + 3600 * SECOND)).isZero();
    }

    @Test
    void noLimitIsNoLimitAndManyClientsAreNotKeptForEver() {
        RateLimit none = new RateLimit(0);
        for (int i = 0; i < 1000; i++) {
            assertThat(none.wait("a", 0)).isZero();
        }
        RateLimit one = new RateLimit(1);
        for (int i = 0; i < 20_000; i++) {
            assertThat(one.wait("client " + i, 0)).isZero();
        }
        assertThat(one.wait("client 19999", 0)).isEqualTo(60);
        assertThat(one.wait("client 0", 0)).isZero(); // forgotten
    }
}
