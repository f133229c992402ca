package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Tokens that are tried: from one address, from all addresses of one network, and from everywhere. */
class GuessesTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void aGuessCountsBeforeItIsLookedAtSoThatManyAtOnceAreNotMore() {
        Guesses guesses = new Guesses();
        for (int i = 0; i < Guesses.EACH; i++) {
            assertThat(guesses.take("192.0.2.1", 0)).isZero(); // none of them answered yet
        }
        assertThat(guesses.take("192.0.2.1", 0)).isPositive();
        guesses.right("192.0.2.1"); // one of them was no guess
        assertThat(guesses.take("192.0.2.1", 0)).isZero();
        assertThat(guesses.take("192.0.2.1", 0)).isPositive();
        assertThat(guesses.take("192.0.2.2", 0)).isZero();
    }

    @Test
    void whoeverHasARightTokenMaySendItAsOftenAsTheyLike() {
        Guesses guesses = new Guesses();
        for (int i = 0; i < 10 * Guesses.ALL; i++) {
            assertThat(guesses.take("192.0.2.1", 0)).isZero();
            guesses.right("192.0.2.1");
        }
    }

    @Test
    void allAddressesOfAnIpv6NetworkHaveOneShare() {
        Guesses guesses = new Guesses();
        for (int i = 0; i < Guesses.EACH; i++) {
            assertThat(guesses.take("[2001:db8:1:2:" + Integer.toHexString(i) + "::1]", 0))
                    .isZero();
        }
        assertThat(guesses.take("2001:db8:1:2:ffff:ffff:ffff:ffff", 0)).isPositive();
        assertThat(guesses.take("2001:db8:1:3::1", 0)).isZero();
        assertThat(Guesses.network("[fe80::1%eth0]")).isEqualTo("fe80000000000000");
        assertThat(Guesses.network("::ffff:192.0.2.1")).isEqualTo("192.0.2.1");
        assertThat(Guesses.network("192.0.2.1")).isEqualTo("192.0.2.1");
    }

    @Test
    void manyNetworksTogetherGuessNoFasterAndKeepOutNobodyWhoIsKnown() {
        Guesses guesses = new Guesses();
        assertThat(guesses.take("192.0.2.1", 0)).isZero();
        guesses.right("192.0.2.1");
        int taken = 0;
        for (int i = 0; i < 2 * Guesses.ALL; i++) {
            taken += guesses.take("2001:db8:" + Integer.toHexString(i) + "::1", 0) == 0 ? 1 : 0;
        }
        assertThat(taken).isEqualTo(Guesses.ALL);
        assertThat(guesses.take("198.51.100.7", 0)).isEqualTo(1);
        assertThat(guesses.take("192.0.2.1", 0))
                .as("who had a right token before")
                .isZero();
        assertThat(guesses.take("198.51.100.7", SECOND)).isZero();
    }
}
