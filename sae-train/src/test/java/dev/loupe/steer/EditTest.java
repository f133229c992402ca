package dev.loupe.steer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.Json;
import dev.loupe.base.NotFoundException;
import dev.loupe.base.UsageException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EditTest {
    @Test
    void theJsonOfThePlanIsRead() {
        Variant v = Variant.of(Json.MAPPER.readTree("""
                {"name": "speak", "when": "feature topk-s0:3 > 0.5",
                 "edits": [{"feature": "topk-s0:12", "op": "add", "strength": 4.0, "unit": "max", "positions": "all"},
                           {"neuron": "3:117", "op": "ablate"},
                           {"vector": "happy", "op": "cap", "strength": 2, "positions": "2-5"}]}"""));
        assertThat(v.edits().get(0).target()).isEqualTo(new Target.Feature("topk-s0", 12));
        assertThat(v.edits().get(0).counted()).isEqualTo(Unit.MAX);
        assertThat(v.edits().get(1).target()).isEqualTo(new Target.Neuron(3, 117));
        assertThat(v.edits().get(1).counted()).isEqualTo(Unit.ABSOLUTE);
        assertThat(v.edits().get(2).where()).isEqualTo(new Positions(Positions.Kind.RANGE, 2, 5));
        assertThat(v.edits().get(2).specials()).isFalse();
        assertThat(Variant.of(Json.MAPPER.valueToTree(v))).isEqualTo(v);
    }

    @Test
    void theCommandLinesFormIsRead() {
        assertThat(Edit.parse("topk-s0:12:add:4")).isEqualTo(Edit.feature("topk-s0", 12, EditOp.ADD, 4.0));
        assertThat(Edit.parse("topk-s0:12:ablate")).isEqualTo(Edit.feature("topk-s0", 12, EditOp.ABLATE, null));
        assertThat(Edit.parse("a:1:set:-2.5:absolute:generated"))
                .isEqualTo(Edit.feature("a", 1, EditOp.SET, -2.5)
                        .withUnit(Unit.ABSOLUTE)
                        .withPositions("generated"));
        assertThat(Edit.parse("neuron:3:117:scale:0.5")).isEqualTo(Edit.neuron(3, 117, EditOp.SCALE, 0.5));
        assertThat(Edit.parse("vector:happy:add:2:norm"))
                .isEqualTo(Edit.vector("happy", EditOp.ADD, 2.0).withUnit(Unit.NORM));
    }

    @Test
    void everyWrongEditIsOneSentenceNamingIt() {
        refused("topk-s0:12", "SAE:ID:OP");
        refused("topk-s0:12:add", "needs a strength");
        refused("topk-s0:12:add:much", "\"much\"");
        refused("topk-s0:12:ablate:4", "takes no strength");
        refused("topk-s0:12:twist:4", "\"twist\"");
        refused("topk-s0:x:add:4", "whole number");
        refused("topk-s0:12:add:4:miles", "\"miles\"");
        refused("topk-s0:12:scale:4:max", "takes no unit");
        refused("topk-s0:12:add:4:max:everywhere", "\"everywhere\"");
        refused("topk-s0:12:add:4:max:5-2", "2-5");
        refused("topk-s0:12:add:NaN", "finite");
        refused("neuron:3:1:add:4:max", "features only");
        assertThatThrownBy(() -> new Edit("a:1", "2:3", null, "ablate", null, null, "all", false).check())
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("exactly one");
        assertThatThrownBy(() -> Variant.of(Json.MAPPER.readTree("{\"edits\": 7}")))
                .isInstanceOf(UsageException.class);
        assertThatThrownBy(() -> Variant.of(Json.MAPPER.readTree("{\"edits\": [{\"op\": \"add\"}]}")))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("none");
    }

    @Test
    void positionsCoverWhatTheySay() {
        assertThat(Positions.parse("all").covers(7, 3)).isTrue();
        assertThat(Positions.parse("prompt").covers(2, 3)).isTrue();
        assertThat(Positions.parse("prompt").covers(3, 3)).isFalse();
        assertThat(Positions.parse("generated").covers(3, 3)).isTrue();
        assertThat(Positions.parse("generated").covers(2, 3)).isFalse();
        assertThat(Positions.parse("2-3").covers(1, 9)).isFalse();
        assertThat(Positions.parse("2-3").covers(2, 9)).isTrue();
        assertThat(Positions.parse("2-3").covers(3, 9)).isTrue();
        assertThat(Positions.parse("2-3").covers(4, 9)).isFalse();
    }

    @Test
    void conditionsBindAndBeforeOr() {
        Condition c = Condition.parse("feature a.b-c:1 > 0.5 and seen neuron 3:4 <= -1e-2 or feature x:2>=2 max");
        assertThat(c.any()).hasSize(2);
        assertThat(c.any().get(0)).hasSize(2);
        Condition.Test second = c.any().get(0).get(1);
        assertThat(second).isEqualTo(new Condition.Test(new Target.Neuron(3, 4), true, "<=", -0.01, false));
        assertThat(c.any().get(1).get(0))
                .isEqualTo(new Condition.Test(new Target.Feature("x", 2), false, ">=", 2, true));
        assertThat(second.holds(-0.01, -0.01)).isTrue();
        assertThat(second.holds(0, -0.01)).isFalse();
        for (String wrong : new String[] {
            "",
            "feature a:1",
            "a:1 > 2",
            "feature a:1 = 2",
            "feature a:1 > 2 and",
            "neuron 1:2 > 3 max",
            "feature a:1 > 2 or or feature b:2 > 1"
        }) {
            assertThatThrownBy(() -> Condition.parse(wrong)).as(wrong).isInstanceOf(UsageException.class);
        }
    }

    @Test
    void aVariantIsSavedListedOpenedAndDeleted(@TempDir Path variants) {
        Variant v = new Variant("calm", java.util.List.of(Edit.feature("a", 1, EditOp.ADD, 2.0)), null);
        VariantFiles.save(variants, v);
        VariantFiles.saveVector(
                variants, new SteeringVector("1.0", "up", null, "blocks.0.hook_resid_post", new float[] {1, 2}));
        assertThat(VariantFiles.list(variants)).containsExactly("calm");
        assertThat(VariantFiles.open(variants, "calm")).isEqualTo(v);
        assertThat(VariantFiles.openVector(variants, "up").values()).containsExactly(1, 2);
        VariantFiles.delete(variants, "calm");
        assertThatThrownBy(() -> VariantFiles.open(variants, "calm")).isInstanceOf(NotFoundException.class);
        assertThatThrownBy(() -> VariantFiles.delete(variants, "calm")).isInstanceOf(NotFoundException.class);
        assertThatThrownBy(() -> VariantFiles.save(variants, Variant.NONE)).isInstanceOf(UsageException.class);
    }

    private static void refused(String edit, String words) {
        assertThatThrownBy(() -> Edit.parse(edit))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining(words);
    }
}
