package dev.loupe.train;

import dev.loupe.engine.AdamRule;
import dev.loupe.engine.Parameters;
import dev.loupe.engine.Selection;
import dev.loupe.engine.Sparsity;
import dev.loupe.engine.StepRule;
import dev.loupe.sae.GatedWeights;
import dev.loupe.sae.SaeWeights;

/**
 * Gated SAE: Rajamanoharan et al., Improving Dictionary Learning with Gated Sparse Autoencoders, arXiv 2404.16014. A gate
 * π_gate = w·(x − b_dec) + b_gate decides whether a latent is active, a magnitude π_mag = e^r w·(x − b_dec) + b_mag how
 * strongly; the L1 penalty is paid for max(π_gate, 0) only, so that it shrinks nothing; the gates learn from their own
 * reconstruction, whose decoder is held constant.
 *
 * <p>π_gate &gt; 0 exactly where π_mag &gt; θ = b_mag − e^r b_gate, so the finished SAE is a JumpReLU SAE with encoder e^r
 * w, bias b_mag and threshold max(θ, 0): below zero the magnitude is rectified anyway.
 */
final class Gated extends Penalised {
    Gated(TrainConfig config) {
        super(config, config.l1(), config.l0Target() > 0);
    }

    @Override
    public StepRule.Builder rule(long step, AdamRule adam) {
        return base(Selection.GATE, adam).sparsity(Sparsity.l1(lambda.at(step)));
    }

    @Override
    public SaeWeights finish(Parameters p) {
        SaeWeights w =
                GatedWeights.asJumpRelu(p.encoderRows(), p.decoderRows(), p.bEnc(), p.bMag(), p.rMag(), p.bDec());
        return new SaeWeights(w.encoderRows(), w.decoderRows(), w.bEnc(), w.bDec(), w.threshold(), p.skip());
    }
}
