//! Both models asked about one sample: a drawing, a picture.

use fewbit_graph::Tensor;
use fewbit_numeric::Affine;
use fewbit_runtime::{Backend, Control, Keep, Plan};

use crate::answers::{Scores, softmax};
use crate::error::QuantError;
use crate::evaluate::{first_of, scores};
use crate::layer::QuantizedLayer;
use crate::prepare::Prepared;
use crate::quantized::{Knobs, QuantizedGraph};

/// The float and the quantized model, ready for one sample at a time.
pub struct Predictor {
    float: Box<dyn Plan>,
    quantized: Box<dyn Plan>,
    prepared: Prepared,
    graph: QuantizedGraph,
    knobs: Knobs,
}

impl Predictor {
    /// Prepares both models.
    ///
    /// # Errors
    /// Those of [`Prepared::face`], and [`QuantError::Run`] if the engine refuses.
    pub async fn prepare(backend: &dyn Backend, prepared: &Prepared) -> Result<Self, QuantError> {
        let bindings = prepared.face()?.bindings(1);
        let graph = QuantizedGraph::new(prepared)?;
        Ok(Self {
            float: backend.prepare(&prepared.graph, &bindings, Keep::Outputs).await?,
            quantized: backend.prepare(&graph.graph, &bindings, Keep::Outputs).await?,
            prepared: prepared.clone(),
            knobs: Knobs::new(prepared, &graph.layers)?,
            graph,
        })
    }

    /// Makes a layer what `quantized` is.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_layer(&mut self, layer: usize, quantized: &QuantizedLayer) -> Result<(), QuantError> {
        self.knobs.set_layer(layer, quantized)
    }

    /// Gives a layer other weights, of the same shape.
    ///
    /// # Errors
    /// [`QuantError::Layer`] and [`QuantError::Weights`].
    pub fn set_weights(&mut self, layer: usize, weights: &Tensor) -> Result<(), QuantError> {
        self.knobs.set_weights(layer, weights)
    }

    /// Gives a layer's input other grids: none for float, one for the tensor, or one for each channel.
    ///
    /// # Errors
    /// [`QuantError::Layer`].
    pub fn set_input_grids(&mut self, layer: usize, grids: Option<&[Affine]>) -> Result<(), QuantError> {
        self.knobs.set_input(layer, grids)
    }

    /// The float and the quantized model's answer to `sample` [1, …]: the probabilities of the classes, or the
    /// outputs as they are if they are no classes.
    ///
    /// # Errors
    /// [`QuantError::Samples`] for a sample of another shape, [`QuantError::Run`].
    pub async fn predict(
        &mut self,
        sample: &Tensor,
        control: &Control<'_>,
    ) -> Result<[Vec<f32>; 2], QuantError> {
        self.prepared.check_samples(sample)?;
        let face = self.prepared.face()?;
        self.knobs.feed(self.quantized.as_mut())?;
        let both = [
            (&mut self.float, face.input, face.output),
            (&mut self.quantized, self.graph.input, self.graph.output),
        ];
        let mut answers = [Vec::new(), Vec::new()];
        for ((plan, input, output), answer) in both.into_iter().zip(&mut answers) {
            plan.set(input, sample)?;
            plan.run(&[], control).await?;
            let outputs = first_of(plan.read(&[output]).await?, "output")?;
            let values = outputs.as_f32()?;
            let logits = face.classes().is_some() && scores(&self.prepared, face.output) == Scores::Logits;
            *answer = if logits { softmax(values) } else { values.to_vec() };
        }
        Ok(answers)
    }
}
