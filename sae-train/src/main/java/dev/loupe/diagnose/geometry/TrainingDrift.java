package dev.loupe.diagnose.geometry;

import dev.loupe.base.Fmt;
import dev.loupe.base.UsageException;
import dev.loupe.diagnose.About;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.Figure;
import dev.loupe.diagnose.Finding;
import dev.loupe.diagnose.Need;
import dev.loupe.diagnose.Numbers;
import dev.loupe.diagnose.ResultTable;
import dev.loupe.diagnose.SinglePass;
import dev.loupe.diagnose.Source;
import dev.loupe.diagnose.Study;
import dev.loupe.diagnose.Subject;
import dev.loupe.diagnose.Topic;
import dev.loupe.diagnose.Wants;
import dev.loupe.math.DoubleOps;
import dev.loupe.sae.Sae;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * How encoder directions and thresholds move between steps of a training (Chen and Ge, "ReLU Characteristic Activation
 * Analysis", arXiv 2305.15912): the boundary of unit i is {x: u_i·x + λ_i = 0} with u_i = w_i / ‖w_i‖, λ_i = b_i / ‖w_i‖.
 */
public final class TrainingDrift implements Diagnostic {
    @Override
    public About about() {
        return About.of(
                "training-drift",
                Topic.GEOMETRY,
                "Do encoder directions still turn when training ends?",
                "Between two neighbouring checkpoints, for each latent: angle between its encoder directions in degrees,"
                        + " and movement of its boundary's distance from the origin, (threshold − b_enc) over the"
                        + " direction's length (with b_dec taken into account where the encoder subtracts it), in units"
                        + " of the mean distance of all latents.",
                Set.of(Need.CHECKPOINTS),
                Source.paper("ReLU Characteristic Activation Analysis", "arXiv 2305.15912"));
    }

    @Override
    public Study begin(Subject subject) {
        List<Sae> steps = subject.checkpoints();
        for (Sae s : steps) {
            if (s.dSae() != steps.getFirst().dSae()
                    || s.dIn() != steps.getFirst().dIn()) {
                throw new UsageException("The checkpoints " + steps.getFirst().name() + " and " + s.name()
                        + " have other sizes: they are not of one training.");
            }
        }
        return new Comparing(steps);
    }

    private static final class Comparing extends SinglePass {
        private final List<Sae> steps;

        Comparing(List<Sae> steps) {
            this.steps = steps;
        }

        @Override
        protected Wants all() {
            return Wants.nothing();
        }

        private static double boundary(Sae sae, int i) {
            float[] w = sae.encoderRows().row(i);
            double shift = (sae.threshold().length > 0 ? sae.threshold()[i] : 0) - sae.bEnc()[i];
            for (int j = 0; sae.applyBDecToInput() && j < w.length; j++) {
                shift += (double) w[j] * sae.bDec()[j];
            }
            return shift / Math.max(Numbers.norm(w), Double.MIN_NORMAL);
        }

        @Override
        public Finding finding() {
            ResultTable table = ResultTable.of(
                    "from:text:checkpoint",
                    "to:text:the next one",
                    "steps:whole:optimiser steps taken at the next one; 0 where unknown",
                    "angle_median:number:degrees",
                    "angle_90:number:degrees that nine of ten latents do not exceed",
                    "boundary_median:number:movement of boundaries over their mean distance");
            int n = steps.size() - 1;
            double[] median = new double[n];
            double[] most = new double[n];
            double[] moved = new double[n];
            double[] last = new double[0];
            for (int k = 0; k < n; k++) {
                Sae a = steps.get(k);
                Sae b = steps.get(k + 1);
                double[] angles = new double[a.dSae()];
                double[] shifts = new double[a.dSae()];
                double distance = 0;
                for (int i = 0; i < angles.length; i++) {
                    float[] u = a.encoderRows().row(i);
                    float[] v = b.encoderRows().row(i);
                    double norms = Numbers.norm(u) * Numbers.norm(v);
                    angles[i] =
                            norms == 0 ? 0 : Math.toDegrees(Math.acos(Math.clamp(DoubleOps.dot(u, v) / norms, -1, 1)));
                    shifts[i] = Math.abs(boundary(b, i) - boundary(a, i));
                    distance += Math.abs(boundary(a, i)) / angles.length;
                }
                last = angles.clone();
                Arrays.sort(angles);
                Arrays.sort(shifts);
                median[k] = Numbers.quantile(angles, 0.5);
                most[k] = Numbers.quantile(angles, 0.9);
                moved[k] = distance == 0 ? 0 : Numbers.quantile(shifts, 0.5) / distance;
                table.row(a.name(), b.name(), b.provenance().steps(), median[k], most[k], moved[k]);
            }
            boolean byStep = IntStream.range(0, n)
                    .allMatch(k -> steps.get(k + 1).provenance().steps()
                            > steps.get(k).provenance().steps());
            double[] at = IntStream.range(0, n)
                    .mapToDouble(k -> byStep ? steps.get(k + 1).provenance().steps() : k + 1)
                    .toArray();
            return new Finding(
                    "Between the last two of " + steps.size() + " checkpoints encoder directions turn by "
                            + Numbers.fixed(median[n - 1], 1)
                            + " degrees (median; nine of ten at most " + Numbers.fixed(most[n - 1], 1)
                            + ") and boundaries move by " + Fmt.percent(moved[n - 1]) + " of their distance.",
                    Map.of("angle_last", median[n - 1], "angle_first", median[0], "boundary_last", moved[n - 1]),
                    table,
                    List.of(
                            Figure.curve(
                                            "Turning since the checkpoint before",
                                            byStep ? "step" : "checkpoint",
                                            "degrees",
                                            List.of(
                                                    new Figure.Series("median", at, median),
                                                    new Figure.Series("nine of ten", at, most)))
                                    .withLogY(),
                            Figure.histogram("Last turn of each latent", "degrees", last, 40)));
        }
    }
}
