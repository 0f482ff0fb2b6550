"""hvrepl tells what a raw Hyper-V number means, and builds such numbers back."""
