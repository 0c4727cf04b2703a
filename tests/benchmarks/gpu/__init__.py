"""Training two towers of ViT-B/16 and BERT-base shapes with this project's engine: rates on GPUs, and against peers."""
