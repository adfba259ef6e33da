# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Steps of the methods without DynKD, and the distillations that they are copies of.

By hand means: plain models, one call of a data preprocessor for those that have the
same, one sum of losses, one backward pass, MMEngine's optimizer wrappers. What a method
computes (the earth mover's distance, branches, the encoders of DPK) are the package's
modules, called directly.
"""
