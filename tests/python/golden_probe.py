"""Scores of scikit-learn's logistic regression for ReportCardTest."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
x = np.array([[(r*7+j*5)%11-3+0.25*j*r for j in range(3)] for r in range(12)])
y = np.array([(r*r)%5<2 for r in range(12)])
z = StandardScaler().fit_transform(x)
m = LogisticRegression(C=1,class_weight="balanced",tol=1e-12,max_iter=10000).fit(z,y)
print(', '.join(f'{v:.6f}' for v in m.decision_function(z)))
