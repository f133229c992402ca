package dev.loupe.ui;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NumTest {
    @Test
    void numbers_have_a_true_minus_and_no_negative_zero() {
        assertThat(Num.fixed(-1.25, 2)).isEqualTo("−1.25");
        assertThat(Num.fixed(-0.0001, 2)).isEqualTo("0.00");
        assertThat(Num.fixed(1234567.8, 0)).isEqualTo("1,234,568");
        assertThat(Num.fixed(Double.NaN, 2)).isEqualTo("–");
        assertThat(Num.fixed(null, 2)).isEqualTo("–");
        assertThat(Num.signed(0.5, 1)).isEqualTo("+0.5");
        assertThat(Num.signed(-0.5, 1)).isEqualTo("−0.5");
        assertThat(Num.signed(0.0001, 1)).isEqualTo("0.0");
    }

    @Test
    void languages_have_names_and_other_labels_stay() {
        assertThat(Num.language("fi")).isEqualTo("Finnish");
        assertThat(Num.language("und")).isEqualTo("undecided");
        assertThat(Num.language("legal-text")).isEqualTo("legal-text");
        assertThat(Num.language("")).isEqualTo("no label");
    }

    @Test
    void counts_agree_with_their_noun() {
        assertThat(Num.count(1, "job")).isEqualTo("1 job");
        assertThat(Num.count(2048, "feature")).isEqualTo("2,048 features");
    }
}
