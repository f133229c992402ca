package dev.loupe.math;

/** out = x · wᵀ as three loops: the reference that {@link SimdMatrixProduct} is tested against. */
enum ScalarMatrixProduct implements MatrixProduct {
    INSTANCE;

    @Override
    public void multiplyNT(Matrix x, Matrix w, Matrix out) {
        MatrixProduct.checkShapes(x, w, out);
        for (long i = 0; i < x.rows(); i++) {
            for (int j = 0; j < out.cols(); j++) {
                out.set(i, j, (float)
                        ScalarVectorOps.dot(x.segment(), x.offset(i), w.segment(), w.offset(j), x.cols()));
            }
        }
    }

    @Override
    public String describe() {
        return "scalar reference";
    }
}
