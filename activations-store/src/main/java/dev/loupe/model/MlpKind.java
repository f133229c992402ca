package dev.loupe.model;

import java.util.Locale;

/**
 * How an MLP computes: {@code W_out act(W_in x)}, or gated {@code W_out (act(W_gate x) * (W_up x))} (Shazeer, "GLU Variants
 * Improve Transformer", arXiv 2002.05202).
 *
 * @param activation {@code relu}, {@code gelu} (exact), {@code gelu_tanh} or {@code silu}
 * @param gated whether there is a gate
 */
public record MlpKind(String activation, boolean gated) {
    private static final double ROOT = Math.sqrt(2 / Math.PI);

    static MlpKind of(Nonlinearity activation, boolean gated) {
        return new MlpKind(activation.name().toLowerCase(Locale.ROOT), gated);
    }

    /** Whether the activation function is exactly 0 below 0. */
    public boolean isRelu() {
        return activation.equals("relu");
    }

    /** The name of the kind in the field: ReLU, GELU, ReGLU, GEGLU, SwiGLU, ... */
    public String title() {
        return switch (activation) {
            case "relu" -> gated ? "ReGLU" : "ReLU";
            case "silu" -> gated ? "SwiGLU" : "SiLU";
            case "gelu" -> gated ? "GEGLU" : "GELU";
            default -> gated ? "GEGLU (tanh)" : "GELU (tanh)";
        };
    }

    /** act(x). */
    public double value(double x) {
        return x * coefficient(x);
    }

    /** act(x) / x, with its limit at 0: what the Identity-rule holds constant. */
    public double coefficient(double x) {
        return switch (activation) {
            case "relu" -> x > 0 ? 1 : 0;
            case "silu" -> 1 / (1 + Math.exp(-x));
            case "gelu" -> normalCdf(x);
            default -> (1 + Math.tanh(ROOT * (x + 0.044715 * x * x * x))) / 2;
        };
    }

    /** The formula of a neuron's activation, for people. */
    public String formula() {
        String coefficient = switch (activation) {
            case "relu" -> "H(x)";
            case "silu" -> "sigmoid(x)";
            case "gelu" -> "Phi(x)";
            default -> "(1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2";
        };
        return gated
                ? "x = w_gate . h, post = x " + coefficient + " (w_up . h)"
                : "x = w_in . h, post = x " + coefficient;
    }

    /** The normal distribution function: erfc by a continued fraction far out, erf by its series near 0; to 1e-15. */
    public static double normalCdf(double x) {
        double z = Math.abs(x) / Math.sqrt(2);
        double upper;
        if (z > 2.5) {
            double f = 0;
            for (int k = 60; k > 0; k--) {
                f = k / 2.0 / (z + f);
            }
            upper = Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + f);
        } else {
            double term = z;
            double sum = z;
            for (int k = 1; k < 80; k++) {
                term *= -z * z / k;
                sum += term / (2 * k + 1);
            }
            upper = 1 - 2 / Math.sqrt(Math.PI) * sum;
        }
        return x > 0 ? 1 - upper / 2 : upper / 2;
    }
}
