"""Where the FFHQ frame has the average face.

In fractions of the frame's width, from its upper left corner: x right, y down. Means of
dlib's landmarks in 100 untruncated samples of the default generator (deviations 0.006 to
0.009, of the mouth's height 0.02), left and right averaged. An eye is the mean of its six
landmarks, the mouth that of its two corners.
"""

EYES_APART = 0.2428
"""From one eye to the other."""
EYES_DOWN = 0.4751
MOUTH_DOWN = 0.7301
