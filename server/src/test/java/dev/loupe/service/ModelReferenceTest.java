package dev.loupe.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.UsageException;
import dev.loupe.model.Precision;
import dev.loupe.model.WeightRegime;
import org.junit.jupiter.api.Test;

class ModelReferenceTest {
    @Test
    void the_regime_of_the_weights_stands_behind_an_at_sign() {
        ModelReference r = ModelReference.parse("gpt2@center_unembed,fold_ln");
        assertThat(r.name()).isEqualTo("gpt2");
        assertThat(r.weights()).isEqualTo(WeightRegime.parse("fold_ln,center_unembed"));
        assertThat(r.text()).isEqualTo("gpt2@fold_ln,center_unembed");
        assertThat(ModelReference.parse("builtin@raw").text()).isEqualTo("builtin");
        assertThat(ModelReference.parse("models/me@work/gpt2").name()).isEqualTo("models/me@work/gpt2");
        assertThat(ModelReference.parse("owner/name@main").name()).isEqualTo("owner/name@main");
    }

    @Test
    void the_precision_stands_there_too() {
        ModelReference r = ModelReference.parse("gpt2@bf16");
        assertThat(r).isEqualTo(new ModelReference("gpt2", WeightRegime.RAW, Precision.BF16));
        assertThat(r.text()).isEqualTo("gpt2@bf16");
        ModelReference both = ModelReference.parse("gpt2@bf16,fold_ln");
        assertThat(both.text()).isEqualTo("gpt2@fold_ln,bf16");
        assertThat(ModelReference.parse("gpt2@fp32").text()).isEqualTo("gpt2");
        assertThat(ModelReference.of("gpt2", "fold_ln", Precision.BF16)).isEqualTo("gpt2@fold_ln,bf16");
        assertThat(ModelReference.of("gpt2@fold_ln", null, Precision.BF16)).isEqualTo("gpt2@fold_ln,bf16");
        assertThatThrownBy(() -> ModelReference.of("gpt2@bf16", null, Precision.FP32))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("contradict");
    }

    @Test
    void a_flag_says_the_same_and_may_not_contradict() {
        assertThat(ModelReference.of("gpt2", null, null)).isEqualTo("gpt2");
        assertThat(ModelReference.of("gpt2", "raw", null)).isEqualTo("gpt2");
        assertThat(ModelReference.of("gpt2", "fold_ln", null)).isEqualTo("gpt2@fold_ln");
        assertThat(ModelReference.of("gpt2@fold_ln", "fold_ln", null)).isEqualTo("gpt2@fold_ln");
        assertThatThrownBy(() -> ModelReference.of("gpt2@fold_ln", "center_unembed", null))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("contradict");
        assertThatThrownBy(() -> ModelReference.of("gpt2", "folded", null))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("fold_ln");
    }
}
