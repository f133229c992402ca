package dev.loupe.diagnose.gallery;

import dev.loupe.base.NotFoundException;
import dev.loupe.diagnose.Diagnostic;
import dev.loupe.diagnose.geometry.AttentionEntropy;
import dev.loupe.diagnose.geometry.DepthProfile;
import dev.loupe.diagnose.geometry.EffectiveRank;
import dev.loupe.diagnose.geometry.HashCodes;
import dev.loupe.diagnose.geometry.LabelAlignment;
import dev.loupe.diagnose.geometry.LatentFolding;
import dev.loupe.diagnose.geometry.NearDuplicates;
import dev.loupe.diagnose.geometry.PerturbationReturn;
import dev.loupe.diagnose.geometry.SignalPropagation;
import dev.loupe.diagnose.geometry.SpaceFolding;
import dev.loupe.diagnose.geometry.TrainingDrift;
import dev.loupe.diagnose.health.Dormancy;
import dev.loupe.diagnose.health.DormantLatents;
import dev.loupe.diagnose.health.Massive;
import dev.loupe.diagnose.health.MassiveTraining;
import dev.loupe.diagnose.memory.NeuronMemory;
import dev.loupe.diagnose.sparsity.Cett;
import dev.loupe.diagnose.sparsity.ChannelImportance;
import dev.loupe.diagnose.sparsity.LatentsNeeded;
import dev.loupe.diagnose.sparsity.Locality;
import dev.loupe.diagnose.sparsity.MagnitudePruning;
import dev.loupe.diagnose.sparsity.NonZeroShare;
import dev.loupe.diagnose.sparsity.StatisticalSelection;
import dev.loupe.diagnose.sparsity.StochasticForward;
import dev.loupe.diagnose.sparsity.ThresholdScale;
import dev.loupe.diagnose.sparsity.ThresholdShift;
import dev.loupe.diagnose.sparsity.TopKNeurons;
import dev.loupe.diagnose.trust.ActivationMaximum;
import dev.loupe.diagnose.trust.ConfidenceFlags;
import dev.loupe.diagnose.trust.Extrapolation;
import dev.loupe.diagnose.trust.MemoryBudget;
import dev.loupe.diagnose.trust.PatternOnly;
import dev.loupe.diagnose.trust.SoftGate;
import dev.loupe.diagnose.trust.SpliceDistance;
import dev.loupe.diagnose.trust.Twins;
import java.util.List;

/** Every diagnostic there is. */
public final class Diagnostics {
    private static final List<Diagnostic> ALL = List.of(
            new NonZeroShare(),
            new Cett(),
            new ThresholdShift(),
            new TopKNeurons(),
            new MagnitudePruning(),
            new ChannelImportance(),
            new LatentsNeeded(),
            new Locality(),
            new StatisticalSelection(),
            new StochasticForward(),
            new ThresholdScale(),
            new Dormancy(),
            new DormantLatents(),
            new Massive(),
            new MassiveTraining(),
            new DepthProfile(),
            new PerturbationReturn(),
            new EffectiveRank(),
            new SignalPropagation(),
            new AttentionEntropy(),
            new HashCodes(),
            new NearDuplicates(),
            new SpaceFolding(),
            new LatentFolding(),
            new TrainingDrift(),
            new LabelAlignment(),
            new Twins(),
            new SpliceDistance(),
            new PatternOnly(),
            new Extrapolation(),
            new ConfidenceFlags(),
            new SoftGate(),
            new MemoryBudget(),
            new ActivationMaximum(),
            new NeuronMemory());

    private Diagnostics() {}

    /** All of them, in the order of the gallery. */
    public static List<Diagnostic> all() {
        return ALL;
    }

    /**
     * One of them.
     *
     * @throws NotFoundException if there is none of that name, naming those there are
     */
    public static Diagnostic of(String id) {
        return ALL.stream()
                .filter(d -> d.id().equals(id))
                .findFirst()
                .orElseThrow(() -> new NotFoundException("There is no diagnostic \"" + id + "\"; there are "
                        + String.join(", ", ALL.stream().map(Diagnostic::id).toList()) + "."));
    }
}
